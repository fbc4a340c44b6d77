package http1

import "testing"

func TestNothingIsLeftOfTheFieldsOfARequestThatIsOver(t *testing.T) {
	s := &Server{}
	x := s.exchange()
	if _, err := x.parse("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nA: 3\r\nC: 4\r\n\r\n", 9); err != nil {
		t.Fatal(err)
	}
	room := x.Fields[:cap(x.Fields)]
	x.Fields.Set("A", "5")
	x.Fields.Remove("C")
	s.spare(x)
	for _, f := range room {
		if f != (Field{}) {
			t.Errorf("%q is left", f)
		}
	}
}

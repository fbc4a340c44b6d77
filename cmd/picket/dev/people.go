package dev

// Person is somebody whom the provider knows. The name that they are picked by is also their subject.
type Person struct {
	Name     string   // "alice": picked by it, and the subject of their tokens
	FullName string   // claim name
	Groups   []string // claim groups; none: an empty list
}

// Email is the person's address, always verified.
func (p Person) Email() string { return p.Name + "@example.com" }

// People are the three whom `picket dev` introduces: one who may do everything, one who may do some things, and one
// who is known but may do nothing.
func People() []Person {
	return []Person{
		{Name: "alice", FullName: "Alice Adams", Groups: []string{"admins", "staff"}},
		{Name: "bob", FullName: "Bob Brown", Groups: []string{"staff"}},
		{Name: "mallory", FullName: "Mallory Moore"},
	}
}

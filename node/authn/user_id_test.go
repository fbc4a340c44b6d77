package authn

import "testing"

// What the ids are made of never changes: records, policies that name a user and what was carried over from elsewhere
// (cmd/picket/pomerium makes the same ids) go by them.
func TestUserIDsStayWhatTheyAre(t *testing.T) {
	if id := userID("https://idp.example.com", "00u1"); id != "KFMeZLas_K1HaEwJcYYDcswx" {
		t.Errorf("the id is %s", id)
	}
}

package pomerium_test

import (
	"strings"
	"testing"

	"picket/cmd/picket/pomerium"
)

// TestWhatIsSaidToBeMissingIsMissing holds that the reasons in the output are true. When picket learns one of these,
// this fails, and the import is to carry it over.
func TestWhatIsSaidToBeMissingIsMissing(t *testing.T) {
	const source = `
authenticate_service_url: https://auth.example.com
idp_provider: google
idp_client_id: picket
routes: [{from: https://a.example.com, to: http://10.0.0.1, policy: {allow: {or: [{domain: example.com}]}}}]
`
	result, err := pomerium.Import("in.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if _, problems := load(t, result.HCL); problems != nil {
		t.Fatalf("%s\n%s", problems.Error(), result.HCL)
	}
	const to, when = "to     = \"http://10.0.0.1\"\n", `user.email_domain == "example.com"`
	for place, written := range map[string][]string{
		to: {
			`to = "http://10.0.0.1/app"`,
		},
		when: {`device.id == "a"`, `data.geoip["a"] == "b"`},
	} {
		if !strings.Contains(string(result.HCL), place) {
			t.Fatalf("%q is not in\n%s", place, result.HCL)
		}
		for _, other := range written {
			if _, problems := load(t, []byte(strings.Replace(string(result.HCL), place, other+"\n", 1))); !problems.Failed() {
				t.Errorf("picket has %s now: carry it over", other)
			}
		}
	}
}

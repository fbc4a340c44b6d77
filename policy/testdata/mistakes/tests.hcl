# Tests that cannot be run.

policy "staff" {
  allow "employee" { when = user.email_domain == "example.com" }
  deny "from away" { when = !in_cidr(request.ip, "10.0.0.0/8") }
}

policy "wiki" {
  include = [policy.staff]
  allow "anyone" { when = true }
}

test "nothing" { # ERROR: Missing required argument; The argument "policy" is required, but no definition was found. # ERROR: Missing required argument; The argument "expect" is required, but no definition was found.
}

test "" { # ERROR: Bad name; A test is named by what it shows: test "an employee reaches the wiki" {.
  policy = policy.staff
  expect = "deny"
}

test "unlabelled is reported by the parser" {
  policy = policy.staff
  expect = "deny"
  user   = { email = "a@example.com" }
}

test "unlabelled is reported by the parser" { # ERROR: Two tests of one name; There is a test "unlabelled is reported by the parser" at policies.hcl:21,1-44 already. Rename one of them.
  policy = policy.staff
  expect = "deny"
}

test "policy" {
  policy = policy.stuff # ERROR: Unknown policy; There is no policy stuff. Did you mean staff?
  expect = "deny"
  rule   = "from away"
}

test "far policy" {
  policy = policy.somebody_else # ERROR: Unknown policy; There is no policy somebody_else.
  expect = "deny"
}

test "policy by text" {
  policy = "staff" # ERROR: Test that cannot be run; A policy is named as policy.NAME: policy = policy.staff.
  expect = "deny"
}

test "expect" {
  policy = policy.staff
  expect = "admit" # ERROR: Test that cannot be run; There is no outcome "admit". It is "allow", "deny" or "step_up".
}

test "expect of another type" {
  policy = policy.staff
  expect = true # ERROR: Wrong type; expect has to be a text, but this is true or false. Put it in quotes.
}

test "rule" {
  policy = policy.staff
  expect = "deny"
  rule   = "from awai" # ERROR: Unknown rule; There is no rule "from awai" in staff, or what it includes. Did you mean from away?
}

test "far rule" {
  policy = policy.staff
  expect = "deny"
  rule   = "nothing like it" # ERROR: Unknown rule; There is no rule "nothing like it" in staff, or what it includes.
}

test "rule of an include" {
  policy = policy.wiki
  expect = "deny"
  rule   = "from away"
}

test "rule of the other effect" {
  policy = policy.wiki
  expect = "allow"
  rule   = "from away" # ERROR: Test that cannot be run; The rule "from away" never decides allow.
}

test "rule that steps up" {
  policy = policy.staff
  expect = "step_up"
  rule   = "employee" # ERROR: Test that cannot be run; No rule asks for signing in again: require does. Leave rule out.
}

test "rule of another type" {
  policy = policy.staff
  expect = "deny"
  rule   = 3 # ERROR: Wrong type; rule has to be a text, but this is a number. Put it in quotes.
}

test "attributes" {
  policy  = policy.staff
  expect  = "deny"
  usr     = { email = "a@example.com" } # ERROR: Unknown attribute; An argument named "usr" is not expected here. Known in a test block are authenticated, certificate, data, expect, now, policy, request, rule, service, session, user and workload.
  now     = "yesterday" # ERROR: Wrong fact; A time is written "2026-01-31T18:00:00Z", or "-10m" for ten minutes before now.
  request = { method = "GET", ip = "10.0.0.300", headers = { accept = 1 }, query = { page = 1 }, websocket = "yes" } # ERROR: Wrong fact; An address is written "10.0.0.1" or "2001:db8::1". # ERROR: Wrong fact; It has to be a text. # ERROR: Wrong fact; It has to be a text. # ERROR: Wrong fact; It has to be true or false.
  user    = { emial = "a@example.com", groups = "sre", department = "sales", claims = ["x"], name = 7 } # ERROR: Wrong fact; There is no such fact. Did you mean user.email? # ERROR: Wrong fact; It has to be a list of texts. # ERROR: Wrong fact; There is no such fact. Known are user.id, user.email, user.email_verified, user.name, user.groups, user.claims and user.identity. # ERROR: Wrong fact; It has to be a group of named values. # ERROR: Wrong fact; It has to be a text.
  session = { age = "long", begun = "-10 minutes", authenticated = "-10m", acr = ["phr"], agent = "x" } # ERROR: Wrong fact; An age is written "1h30m". # ERROR: Wrong fact; A time is written "2026-01-31T18:00:00Z", or "-10m" for ten minutes before now. # ERROR: Wrong fact; It has to be a text. # ERROR: Wrong fact; There is no such fact. Did you mean session.age?
  service = "backup" # ERROR: Wrong fact; It has parts, as in {"id": ...}.
  data    = { oncall = ["a@example.com"], onkall = { x = true }, people = { x = 1 } } # ERROR: Wrong fact; These are values by key: {"a@example.com": true}. # ERROR: Unknown name; There is no data block onkall. Did you mean oncall? # ERROR: Unknown name; There is no data block people. Known are oncall and roster.
}

test "shapes" {
  policy        = policy.staff
  expect        = "deny"
  now           = "-10m" # ERROR: Wrong fact; A time is written "2026-01-31T18:00:00Z", or "-10m" for ten minutes before now.
  authenticated = "yes" # ERROR: Wrong fact; It has to be true or false.
  data          = ["oncall"] # ERROR: Wrong fact; These are blocks by name: {"oncall": {"a@example.com": true}}.
  request       = { headers = "x", query = 3 } # ERROR: Wrong fact; These are texts by name: {"Accept": "text/html"}. # ERROR: Wrong fact; It has to be a text.
  workload      = { claims = 3 } # ERROR: Wrong fact; It has to be a group of named values.
  user          = { email = user.email } # ERROR: Variables not allowed; Variables may not be used here.
  certificate   = { subject = enw("OFFICE") } # ERROR: Call to unknown function; There is no function named "enw". Did you mean "env"?
}

test "functions are known" {
  policy  = policy.staff
  expect  = "deny"
  user    = { "email" = env("OFFICE"), (env("OFFICE")) = "x", name = null } # ERROR: Wrong fact; There is no such fact. Known are user.id, user.email, user.email_verified, user.name, user.groups, user.claims and user.identity.
  session = null
}

test "age without an hour" {
  policy  = policy.staff
  expect  = "deny"
  session = { age = "-1h" } # ERROR: Wrong fact; An age is written "1h30m".
}

# Contractors, path by path.
#
# Staff see the wiki. A contractor sees the spaces of the projects that the identity provider lists as a claim, reads and
# does not delete, and is gone when the contract with the agency ends, whether anyone thinks of it or not.

policy "wiki" {
  description = "Staff everywhere, contractors where they work"

  allow "staff" { when = user.email_domain == "example.com" && !in_group("contractors") }
  allow "contractor on a project" {
    when = (
      in_group("contractors") &&
      has_any(user.claims["projects"], [for part in split("/", request.path) : part]) &&
      glob(request.path, "/spaces/*", "/spaces/*/**")
    )
  }

  deny "contractors do not delete" {
    when    = coalesce(in_group("contractors"), true) && request.method == "DELETE"
    message = "Ask somebody of the project to delete this page."
  }
  deny "contract is over" {
    when    = coalesce(in_group("contractors"), true) && now >= date("2026-07-01", "Europe/Berlin")
    message = "The contract with your agency has ended. Talk to the person that you work for."
  }
}

test "staff read everything" {
  policy  = policy.wiki
  user    = { email = "amy@example.com", groups = ["staff"] }
  request = { method = "GET", path = "/spaces/board/minutes" }
  expect  = "allow"
  rule    = "staff"
}

test "a contractor reads the project's space" {
  policy  = policy.wiki
  user    = { email = "cy@partner.example", groups = ["contractors"], claims = { projects = ["apollo"] } }
  request = { method = "GET", path = "/spaces/apollo/plan" }
  expect  = "allow"
  rule    = "contractor on a project"
}

test "and no other" {
  policy  = policy.wiki
  user    = { email = "cy@partner.example", groups = ["contractors"], claims = { projects = ["apollo"] } }
  request = { method = "GET", path = "/spaces/board/minutes" }
  expect  = "deny"
}

test "a contractor deletes nothing" {
  policy  = policy.wiki
  user    = { email = "cy@partner.example", groups = ["contractors"], claims = { projects = ["apollo"] } }
  request = { method = "DELETE", path = "/spaces/apollo/plan" }
  expect  = "deny"
  rule    = "contractors do not delete"
}

test "in the first minute of July the contract is over" {
  policy  = policy.wiki
  user    = { email = "cy@partner.example", groups = ["contractors"], claims = { projects = ["apollo"] } }
  request = { method = "GET", path = "/spaces/apollo/plan" }
  now     = "2026-07-01T00:00:00+02:00"
  expect  = "deny"
  rule    = "contract is over"
}

test "and in the last of June it is not" {
  policy  = policy.wiki
  user    = { email = "cy@partner.example", groups = ["contractors"], claims = { projects = ["apollo"] } }
  request = { method = "GET", path = "/spaces/apollo/plan" }
  now     = "2026-06-30T23:59:59+02:00"
  expect  = "allow"
}

test "who may be a contractor, as nobody knows the groups, deletes nothing" {
  policy  = policy.wiki
  user    = { email = "amy@example.com" }
  request = { method = "DELETE", path = "/spaces/board/minutes" }
  expect  = "deny"
  rule    = "contractors do not delete"
}

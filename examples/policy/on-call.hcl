# Who is on call, from live data.
#
# The rota is published to a bucket by whatever keeps it (`picket data put oncall bob@example.com '{"team": "payments"}'`).
# A change is in force on every node at once, without a reload.

data "oncall" {
  bucket = "oncall"
}

policy "dashboards" {
  description = "Engineers who are on call, for the systems of their team"

  allow "on call" {
    when = (
      user.email_domain == "example.com" &&
      has(data.oncall, user.email) &&
      startswith(request.path, "/${data.oncall[user.email]["team"]}/")
    )
  }
  allow "team leads" {
    when = in_group("leads") && has_any(user.groups, [for part in split("/", request.path) : "team-${part}" if part != ""])
  }
}

test "bob is on call for payments" {
  policy  = policy.dashboards
  user    = { email = "bob@example.com", groups = [] }
  request = { path = "/payments/latency" }
  data    = { oncall = { "bob@example.com" = { team = "payments" } } }
  expect  = "allow"
  rule    = "on call"
}

test "and not for search" {
  policy  = policy.dashboards
  user    = { email = "bob@example.com", groups = [] }
  request = { path = "/search/latency" }
  data    = { oncall = { "bob@example.com" = { team = "payments" } } }
  expect  = "deny"
}

test "the rota has moved on" {
  policy  = policy.dashboards
  user    = { email = "bob@example.com", groups = [] }
  request = { path = "/payments/latency" }
  data    = { oncall = { "cleo@example.com" = { team = "payments" } } }
  expect  = "deny"
}

test "before the first fact has arrived nobody is on call" {
  policy  = policy.dashboards
  user    = { email = "bob@example.com", groups = [] }
  request = { path = "/payments/latency" }
  expect  = "deny"
}

test "a lead looks at the team's systems whoever is on call" {
  policy  = policy.dashboards
  user    = { email = "dora@example.com", groups = ["leads", "team-search"] }
  request = { path = "/search/latency" }
  data    = { oncall = {} }
  expect  = "allow"
  rule    = "team leads"
}

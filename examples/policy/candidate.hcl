# A candidate in shadow.
#
# `reports` is in force. `reports-next` is what shall take its place: it is decided beside it, logged and counted where it
# would have differed, and never enforced. When the log has gone quiet, give it the name and take mode out.
#
#     route "reports" {
#       policy = policy.reports
#       shadow = [policy.reports-next]
#     }

policy "reports" {
  allow "everyone of ours" { when = user.email_domain == "example.com" }
}

policy "reports-next" {
  mode = "shadow"

  allow "finance" { when = in_group("finance") }
  allow "own reports" {
    when = user.email_domain == "example.com" && matches(request.path, "^/reports/own(/|$)")
  }
  deny "embedded" { when = present(request.query["embed"]) }
}

test "today sales see all reports" {
  policy  = policy.reports
  user    = { email = "sal@example.com", groups = ["sales"] }
  request = { path = "/reports/revenue" }
  expect  = "allow"
}

test "tomorrow they do not" {
  policy  = policy.reports-next
  user    = { email = "sal@example.com", groups = ["sales"] }
  request = { path = "/reports/revenue" }
  expect  = "deny"
}

test "but their own" {
  policy  = policy.reports-next
  user    = { email = "sal@example.com", groups = ["sales"] }
  request = { path = "/reports/own/2026" }
  expect  = "allow"
  rule    = "own reports"
}

test "finance goes on seeing all" {
  policy  = policy.reports-next
  user    = { email = "fay@example.com", groups = ["finance"] }
  request = { path = "/reports/revenue", query = { year = "2026" } }
  expect  = "allow"
  rule    = "finance"
}

test "nobody embeds them, nor goes around it by saying it twice" {
  policy  = policy.reports-next
  user    = { email = "fay@example.com", groups = ["finance"] }
  request = { path = "/reports/revenue", query = "embed=1&embed=1" }
  expect  = "deny"
  rule    = "embedded"
}

# Office hours and the office network.
#
# The back office is open to its staff on working days, from the office or over the VPN. Whoever is on the list of those
# who close the books may also come at the weekend.

policy "back-office" {
  description = "Accounting, at work"

  allow "in office hours" {
    when = (
      in_group("accounting") &&
      weekday("mon-fri", "Europe/Berlin") &&
      time_of_day("07:00", "19:00", "Europe/Berlin")
    )
  }
  allow "closing the books" { when = in_group("closing") }

  deny "from away" {
    when    = !in_cidr(request.ip, ["10.20.0.0/16", "2001:db8:20::/48"])
    message = "The back office is reached from the office network or over the VPN."
  }
}

test "accounting works on Wednesday morning" {
  policy  = policy.back-office
  user    = { email = "amy@example.com", groups = ["accounting"] }
  request = { ip = "10.20.1.7" }
  now     = "2026-03-04T09:30:00+01:00"
  expect  = "allow"
  rule    = "in office hours"
}

test "and not on Saturday" {
  policy  = policy.back-office
  user    = { email = "amy@example.com", groups = ["accounting"] }
  request = { ip = "10.20.1.7" }
  now     = "2026-03-07T09:30:00+01:00"
  expect  = "deny"
}

test "but who closes the books does" {
  policy  = policy.back-office
  user    = { email = "bea@example.com", groups = ["accounting", "closing"] }
  request = { ip = "2001:db8:20::7" }
  now     = "2026-03-07T09:30:00+01:00"
  expect  = "allow"
  rule    = "closing the books"
}

test "the hours are those of Berlin, in summer too" {
  policy  = policy.back-office
  user    = { email = "amy@example.com", groups = ["accounting"] }
  request = { ip = "10.20.1.7" }
  now     = "2026-07-01T05:00:00Z" # 07:00 in Berlin
  expect  = "allow"
}

test "nobody comes from a café" {
  policy  = policy.back-office
  user    = { email = "bea@example.com", groups = ["accounting", "closing"] }
  request = { ip = "203.0.113.7" }
  expect  = "deny"
  rule    = "from away"
}

test "nobody comes from nowhere: what is missing denies" {
  policy = policy.back-office
  user   = { email = "bea@example.com", groups = ["closing"] }
  expect = "deny"
  rule   = "from away"
}

# Step-up for production.
#
# All of staff have a session of a working day. For production the same session has to show more: a sign-in of the last
# hour, phishing-resistant. Who does not show it is sent to sign in again, and comes back to where they were.

policy "staff" {
  description = "Anyone of ours"
  allow "employee" { when = user.email_domain == "example.com" && user.email_verified }
  require { max_age = "12h" }
}

policy "production" {
  include = [policy.staff] # all of these must admit too, and what they require holds too

  allow "engineers" { when = in_group("sre", "platform") }
  allow "read only" { when = in_group("developers") && has(["GET", "HEAD"], request.method) }
  require {
    max_age = "1h"
    acr     = ["phr", "phrh"] # one of them
  }
}

test "an engineer with a passkey gets in" {
  policy  = policy.production
  user    = { email = "eve@example.com", email_verified = true, groups = ["sre"] }
  session = { age = "20m", acr = "phr" }
  expect  = "allow"
  rule    = "engineers"
}

test "after an hour she shows it again" {
  policy  = policy.production
  user    = { email = "eve@example.com", email_verified = true, groups = ["sre"] }
  session = { age = "6h", authenticated = "-61m", acr = "phr" }
  expect  = "step_up"
}

test "a password is not enough" {
  policy  = policy.production
  user    = { email = "eve@example.com", email_verified = true, groups = ["sre"] }
  session = { age = "20m", acr = "pwd" }
  expect  = "step_up"
}

test "developers look" {
  policy  = policy.production
  user    = { email = "dev@example.com", email_verified = true, groups = ["developers"] }
  session = { age = "20m", acr = "phrh" }
  request = { method = "GET" }
  expect  = "allow"
  rule    = "read only"
}

test "and do not touch: signing in again would not help" {
  policy  = policy.production
  user    = { email = "dev@example.com", email_verified = true, groups = ["developers"] }
  session = { age = "9h", acr = "pwd" }
  request = { method = "POST" }
  expect  = "deny"
}

test "elsewhere the same session is good for the day" {
  policy  = policy.staff
  user    = { email = "dev@example.com", email_verified = true, groups = ["developers"] }
  session = { age = "9h", acr = "pwd" }
  expect  = "allow"
}

test "and no longer" {
  policy  = policy.staff
  user    = { email = "dev@example.com", email_verified = true, groups = ["developers"] }
  session = { age = "13h", acr = "pwd" }
  expect  = "step_up"
}

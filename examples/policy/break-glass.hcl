# Break glass: an administrator's way in when nothing else works.
#
# The account is no person's, so no group of a directory has to be right. It opens only while an incident is declared,
# only with a hardware key, and only a sign-in of the last ten minutes counts.

data "incidents" {
  bucket = "incidents"
}

policy "break-glass" {
  description = "The emergency account, during a declared incident"

  allow "emergency account" {
    when = user.email == "break-glass@example.com" && user.email_verified && user.identity == "corp"
  }
  deny "no incident" {
    when    = !coalesce(data.incidents["open"], false)
    message = "Declare an incident first: this account opens nothing without one."
  }
  deny "no device of ours" {
    when    = !certificate.valid || certificate.issuer != "CN=Devices,O=Example"
    message = "Use a device of ours: its certificate is asked for."
  }
  require {
    max_age = "10m"
    amr     = ["hwk", "user"] # both: a key that was touched, by somebody who was seen to be there
  }
}

test "during an incident it opens" {
  policy      = policy.break-glass
  user        = { email = "break-glass@example.com", email_verified = true, identity = "corp" }
  session     = { age = "2m", amr = ["hwk", "user", "mfa"] }
  certificate = { valid = true, issuer = "CN=Devices,O=Example" }
  data        = { incidents = { open = true } }
  expect      = "allow"
  rule        = "emergency account"
}

test "without the key one signs in again" {
  policy      = policy.break-glass
  user        = { email = "break-glass@example.com", email_verified = true, identity = "corp" }
  session     = { age = "2m", amr = ["pwd", "user"] }
  certificate = { valid = true, issuer = "CN=Devices,O=Example" }
  data        = { incidents = { open = true } }
  expect      = "step_up"
}

test "and after ten minutes, too" {
  policy      = policy.break-glass
  user        = { email = "break-glass@example.com", email_verified = true, identity = "corp" }
  session     = { age = "11m", amr = ["hwk", "user"] }
  certificate = { valid = true, issuer = "CN=Devices,O=Example" }
  data        = { incidents = { open = true } }
  expect      = "step_up"
}

test "when the incident is over it is shut" {
  policy      = policy.break-glass
  user        = { email = "break-glass@example.com", email_verified = true, identity = "corp" }
  session     = { age = "2m", amr = ["hwk", "user"] }
  certificate = { valid = true, issuer = "CN=Devices,O=Example" }
  data        = { incidents = { open = false } }
  expect      = "deny"
  rule        = "no incident"
}

test "a device without a certificate is none of ours" {
  policy  = policy.break-glass
  user    = { email = "break-glass@example.com", email_verified = true, identity = "corp" }
  session = { age = "2m", amr = ["hwk", "user"] }
  data    = { incidents = { open = true } }
  expect  = "deny"
  rule    = "no device of ours"
}

test "an administrator by any other name is nobody here" {
  policy      = policy.break-glass
  user        = { email = "root@example.com", email_verified = true, identity = "corp" }
  session     = { age = "2m", amr = ["hwk", "user"] }
  certificate = { valid = true, issuer = "CN=Devices,O=Example" }
  data        = { incidents = { open = true } }
  expect      = "deny"
}

# Facts that others publish, policies that are only looked at, and what is kept of decisions.

cluster {
  name    = "test"
  secrets = [env("PICKET_SECRET")]
  broker {
    limit = "1GiB"
  }
}

telemetry {
  decision_log = {
    keep   = "30s"    # ERROR: Out of range; keep is at least 1m, or "0s", which keeps nothing.
    limit  = "600MiB" # ERROR: Out of range; The nodes have 1GiB for all that they share, by limit of the broker.
    sample = 1.5      # ERROR: Out of range; sample is between 0 and 1.
    sampel = 1        # ERROR: Unknown attribute; There is no attribute "sampel" in decision_log. Did you mean "sample"?
    keep   = "1h"     # ERROR: Duplicate name; keep is said already.
  }
}

data "oncall" {
  buckets = "x" # ERROR: Unknown attribute; There is no attribute "buckets" in a data block. Did you mean "bucket"?
}

data "again" {
  bucket = "oncall" # ERROR: Bucket used twice; data "oncall" has the bucket "oncall" already, at
}

data "dotted" {
  bucket = "on.call" # ERROR: Name not allowed; A bucket has letters, digits, "-" and "_" in its name
}

data "9to5" { # ERROR: Name not allowed; Policies call it data.NAME
}

data "not a name" { # ERROR: Name not allowed; A name begins with a letter or digit
}

data { # ERROR: Wrong labels; A block data has one label.
}

policy "staff" {
  allow "on call" { when = has(data.oncal, user.email) } # ERROR: Unknown name; There is no data block oncal. Did you mean oncall?
}

policy "candidate" {
  mode = "shadow"
  allow "anyone" { when = user.email_verified }
}

policy "off" {
  mode = "shadwo" # ERROR: Bad mode; There is no mode "shadwo". Did you mean shadow?
  allow "anyone" { when = user.email_verified }
}

route "wiki" {
  from   = "https://wiki.example.com"
  to     = "http://10.0.0.5:8080"
  policy = [policy.staff, policy.candidate] # ERROR: Shadow policy in force; policy "candidate" has mode = "shadow": it is decided and counted, never enforced.
}

route "git" {
  from   = "https://git.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  shadow = [
    policy.candidates, # ERROR: Unknown reference; There is no policy "candidates". Did you mean "candidate"?
    identity.corp,     # ERROR: Not a reference; This refers to "identity", and a policy block is wanted: policy.corp.
  ]
}

route "twice" {
  from   = "https://twice.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  shadow = [policy.candidate, policy.candidate] # ERROR: Duplicate name; policy "candidate" is in the list twice.
}

route "itself" {
  from   = "https://itself.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  shadow = policy.staff # WARNING: Shadow of itself; policy "staff" is in force here
}

route "none" {
  from   = "https://none.example.com"
  to     = "http://10.0.0.5:8080"
  public = true
  shadow = [] # ERROR: Empty value; The list is empty. Write shadow = policy.NAME, or leave it out.
  identity_headers = {
    X-On-Call = data.oncal[user.email] # ERROR: Unknown name; There is no data block oncal. Did you mean oncall?
  }
}

test "a stranger stays outside" {
  policy = policy.stuff # ERROR: Unknown policy; There is no policy stuff. Did you mean staff?
  expect = "denied"     # ERROR: Test that cannot be run; There is no outcome "denied".
}

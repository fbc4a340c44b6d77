# Rate limits of routes.

route "lacking" {
  from   = "https://lacking.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  limit { # ERROR: Missing attribute; limit needs rate: how many requests may come in the time of per, such as 100.
    burst = 10
  }
}

route "none" {
  from   = "https://none.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  limit {
    rate  = 0 # ERROR: Out of range; rate is at least 1: how many requests may come in 1m. To let nobody in, write a policy.
    per   = "1m"
    burst = 0       # ERROR: Out of range; burst is at least 1
    key   = "users" # ERROR: Value not allowed; key is one of "user" and "ip". Did you mean "user"?
  }
}

route "fast" {
  from   = "https://fast.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  limit {
    rate = 1000000 # ERROR: Out of range; rate is at most 1000 in 1ms.
    per  = "1ms"
  }
}

route "slow" {
  from   = "https://slow.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  limit {
    rate  = 1
    per   = "1h"
    burst = 1000 # ERROR: Out of range; A burst of 1000 takes longer than a week to come back. Write 168 at most.
  }
}

route "long" {
  from   = "https://long.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  limit {
    rate = 1
    per  = "25h" # ERROR: Out of range; per is at most 24h.
  }
}

route "words" {
  from   = "https://words.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  limit {
    rate  = "100/s" # ERROR: Wrong type
    per   = 1       # ERROR: Wrong type; This is a number. per is a text with a unit, such as "15s".
    burst = 1.5     # ERROR: Wrong type; burst is a whole number.
    every = "1s"    # ERROR: Unknown attribute; There is no attribute "every" in a limit block.
  }
}

# How long a sign-in lasts.

session {
  lifetime = "8h"
  idle     = "1h"
}

route "looser" {
  from   = "https://looser.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  session {
    lifetime = "9h" # ERROR: Session looser than the cluster's; The cluster's sessions end after 8h.
    idle     = "2h" # ERROR: Session looser than the cluster's; The cluster's sessions end after 1h without a request.
  }
}

route "never idle" { # ERROR: Name not allowed
  from   = "https://never.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  session {
    lifetime = "0s" # ERROR: Out of range; lifetime is at least 1s.
    idle     = "0s" # ERROR: Session looser than the cluster's
  }
}

route "pointless" {
  from   = "https://pointless.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  session {
    lifetime = "30m"
    idle     = "30m" # WARNING: Idle time without effect; Sessions end after 30m anyway.
  }
}

admin {
  address = "192.0.2.1:9901" # WARNING: Admin reachable from outside; Whoever reaches it can end sessions.
}

# What is said of the applications behind routes.

route "weights" {
  from    = "https://weights.example.com"
  to      = ["http://10.0.0.5", "http://10.0.0.6"]
  policy  = policy.staff
  weights = [1]              # ERROR: Out of range; This is 1 weight for 2 upstreams. Write one for each, in the order of to.
  balance = "leastrequest"   # ERROR: Value not allowed; balance is one of "round_robin", "least_request", "random" and "hash". Did you mean "least_request"?
}

route "weighty" {
  from    = "https://weighty.example.com"
  to      = ["http://10.0.0.5", "http://10.0.0.6"]
  policy  = policy.staff
  weights = [1.5, 1]  # ERROR: Out of range; A weight is a whole number between 0 and 1000000.
  hash    = "session" # WARNING: Setting without effect; hash says what balance = "hash" goes by.
}

route "nothing" {
  from    = "https://nothing.example.com"
  to      = "http://10.0.0.5"
  policy  = policy.staff
  weights = [0]    # ERROR: Out of range; All weights are 0
  balance = "hash"
  hash    = "sesion" # ERROR: Value not allowed; hash is "session", "ip" or "header:NAME". Did you mean "session"?
}

route "number" {
  from    = "https://number.example.com"
  to      = "http://10.0.0.5"
  policy  = policy.staff
  weights = 3                # ERROR: Wrong type; This is a number. Write a list with a number for each upstream, [3, 1].
  balance = "hash"
  hash    = "header:X Tenant" # ERROR: Header not allowed; "X Tenant" is not the name of a header
}

route "health" {
  from   = "https://health.example.com"
  to     = ["http://10.0.0.5", "unix:run/app.sock"] # ERROR: Not a usable URL; A socket has an absolute path.
  policy = policy.staff
  health {
    path      = "healthz" # ERROR: Not a usable URL; "healthz" is not a path such as "/healthz".
    host      = "a b"     # ERROR: Not a usable URL; "a b" is not the name of a host.
    every     = "1ms"     # ERROR: Out of range; every is at least 100ms.
    timeout   = 5         # ERROR: Wrong type
    healthy   = 0         # ERROR: Out of range; healthy is between 1 and 100.
    unhealthy = 101       # ERROR: Out of range; unhealthy is between 1 and 100.
  }
}

route "how" {
  from   = "https://how.example.com"
  to     = "http://10.0.0.5"
  policy = policy.staff
  health { # ERROR: Missing attribute; health needs path: what is asked for, such as "/healthz"; or write grpc = "SERVICE" or tcp = true.
    every = "1s"
  }
}

route "both" {
  from   = "https://both.example.com"
  to     = "http://10.0.0.5"
  policy = policy.staff
  health {
    path = "/"
    tcp  = true # ERROR: Value not allowed; health says "path" and "tcp". It can be one of them alone.
  }
}

route "grpc" {
  from   = "https://grpc.example.com"
  to     = "http://10.0.0.5"
  policy = policy.staff
  health {
    grpc = ""              # ERROR: Value not allowed; gRPC is spoken over HTTP/2, and http://10.0.0.5 is HTTP/1.1.
    host = "mail.internal" # WARNING: Setting without effect; host is for a check by path.
  }
}

route "outliers" {
  from   = "https://outliers.example.com"
  to     = "http://10.0.0.5"
  policy = policy.staff
  outliers { # WARNING: Setting without effect; 50% of 1 upstream is less than one: none is ever left alone.
    errors      = 0     # ERROR: Out of range; errors is between 1 and 1000.
    eject       = "1ms" # ERROR: Out of range; eject is at least 1s.
  }
}

route "part" {
  from   = "https://part.example.com"
  to     = ["http://10.0.0.5", "http://10.0.0.6"]
  policy = policy.staff
  outliers {
    max_ejected = "101%" # ERROR: Out of range; max_ejected is a part between "0%" and "100%".
  }
  retry {
    attempts = 10                 # ERROR: Out of range; attempts is between 1 and 9.
    on       = ["reset", "conect", # ERROR: Value not allowed; on is a list of "connect", "reset", "timeout", "429" and statuses such as "503". Did you mean "connect"?
                "404"]             # ERROR: Value not allowed
  }
  circuit { # ERROR: Missing attribute; circuit needs requests: how many may be under way to each upstream, such as 100.
    pending = -1 # ERROR: Out of range; pending is between 0 and 1000000.
  }
}

route "never" {
  from   = "https://never.example.com"
  to     = "http://10.0.0.5"
  policy = policy.staff
  retry {
    on = [] # ERROR: Empty value; The list is empty: nothing would be sent again.
  }
  circuit {
    requests = 1
    wait     = "1s" # WARNING: Setting without effect; Nobody waits. Write pending too: how many may.
  }
}

route "tls" {
  from   = "https://tls.example.com"
  to     = "http://10.0.0.5"
  policy = policy.staff
  upstream_tls { # WARNING: Setting without effect; No upstream of this route is at https://.
    ca          = "no PEM"         # ERROR: Not usable PEM; There is no PEM block CERTIFICATE in this text.
    name        = "a b"            # ERROR: Not a usable URL; "a b" is not a host name.
    skip_verify = true             # WARNING: Upstream not verified; Whoever is between can be the upstream
  }
}

route "half" {
  from   = "https://half.example.com"
  to     = "https://10.0.0.5"
  policy = policy.staff
  upstream_tls { # ERROR: Missing attribute; A certificate and its key belong together: write both, or leave both out.
    certificate = file(env("CERT"))
  }
}

route "mismatch" {
  from   = "https://mismatch.example.com"
  to     = ["https://10.0.0.5", "h2c://10.0.0.6"]
  policy = policy.staff
  upstream_tls {
    certificate = file(env("CERT"))
    key         = "secret" # WARNING: Secret in the configuration # ERROR: Not usable PEM
  }
  proxy_protocol = "v3" # ERROR: Value not allowed; proxy_protocol is one of "v2" and "v1". # ERROR: Value not allowed; A connection of HTTP/2 is for many clients
}

route "kubernetes" {
  from   = "https://kubernetes.example.com"
  to     = "http://10.0.0.5"
  public = true
  kubernetes { # ERROR: Access that cannot be meant; With public = true everyone could act as the service account. # ERROR: Plain http; The token would travel readable to http://10.0.0.5.
    token = "a b" # ERROR: Header not allowed; A token is one word of printable ASCII. # WARNING: Secret in the configuration
  }
}

route "two-tokens" {
  from             = "https://tokens.example.com"
  to               = "http://127.0.0.1"
  policy           = policy.staff
  identity_headers = { "Impersonate.User" = user.email } # ERROR: Header not allowed; Impersonate.user is set by kubernetes already.
  request_headers {
    set = {
      Authorization = session.access_token # ERROR: Header not allowed; Authorization is set by kubernetes already.
      "X!Team"      = "a"
      "X~Team"      = "a" # ERROR: Header not allowed; X~team is set by X!team already.
    }
  }
  kubernetes {
    token = env("CERT")
  }
}

route "token" {
  from   = "https://token.example.com"
  to     = "http://127.0.0.1"
  policy = policy.staff
  kubernetes { # ERROR: Missing attribute; kubernetes needs token
    impersonate = false
  }
}

route "ssh" {
  from    = "tcp+https://bastion.example.com:22"
  to      = ["tcp://10.0.0.9:22", "h2c+unix:/run/sshd"] # ERROR: Not a usable URL
  policy  = policy.staff
  balance = "hash"
  hash    = "header:X-Tenant" # ERROR: Not for a route that carries TCP; Headers are about HTTP. Write "session" or "ip".
  health {
    path = "/" # ERROR: Not for a route that carries TCP; path is about HTTP
  }
  retry { # ERROR: Not for a route that carries TCP; retry is about HTTP
  }
  kubernetes { # ERROR: Not for a route that carries TCP; kubernetes is about HTTP # ERROR: Missing attribute
  }
}

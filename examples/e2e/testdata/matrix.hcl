# The cluster of the matrix: every kind of traffic on one host, so that one session carries all of it. Clients say where
# they come from, as a balancer would.

cluster {
  name    = "matrix"
  secrets = [env("PICKET_SECRET")]

  broker {
    node   = env("PICKET_NODE")
    peers  = [env("PICKET_PEER_1"), env("PICKET_PEER_2"), env("PICKET_PEER_3")]
    listen = env("PICKET_BROKER")
    client = env("PICKET_CLIENT")
    store  = env("PICKET_STORE")
  }
}

listen "https" {
  address         = env("PICKET_LISTEN")
  tls             = { certificate = file(env("E2E_CERTIFICATE")), key = file(env("E2E_KEY")) }
  http3           = true
  trusted_proxies = ["127.0.0.0/8"]
}

admin {
  address = env("PICKET_ADMIN")
}

authenticate {
  url = "https://auth.matrix.test"
}

identity "corp" {
  kind          = "oidc"
  issuer        = env("OIDC_ISSUER")
  client_id     = env("OIDC_CLIENT_ID")
  client_secret = env("OIDC_CLIENT_SECRET")
  scopes        = ["openid", "profile", "email"]
  groups_claim  = "groups"
}

data "barred" {
  bucket = "barred"
}

policy "staff" {
  allow "staff" { when = in_group("staff") }
  deny "barred" { when = has(data.barred, user.email) }
}

route "app" {
  from      = "https://app.matrix.test"
  to        = [env("E2E_UPSTREAM")]
  policy    = policy.staff
  websocket = true
  timeout   = "0s"
}

route "grpc" {
  from   = "https://app.matrix.test/grpc.health.v1.Health"
  to     = [env("E2E_GRPC")]
  policy = policy.staff
}

route "node" {
  from   = "https://app.matrix.test/picket.Echo"
  to     = [env("E2E_NODE_GRPC", "h2c://127.0.0.1:9")]
  policy = policy.staff
}

route "tcp" {
  from   = "tcp+https://app.matrix.test:7"
  to     = [env("E2E_TCP")]
  policy = policy.staff
}

# One node that clients reach at its own address, over HTTP/1.1, HTTP/2 and HTTP/3: for programs that others wrote.

cluster {
  name    = "site"
  secrets = [env("PICKET_SECRET")]

  broker {
    node   = env("PICKET_NODE")
    listen = env("PICKET_BROKER")
    client = env("PICKET_CLIENT")
    store  = env("PICKET_STORE")
  }
}

listen "https" {
  address = env("PICKET_LISTEN")
  tls     = { certificate = file(env("E2E_CERTIFICATE")), key = file(env("E2E_KEY")) }
  http3   = true
}

admin {
  address = env("PICKET_ADMIN")
}

authenticate {
  url = "https://auth.site.localhost:${env("E2E_PORT")}"
}

identity "corp" {
  kind          = "oidc"
  issuer        = env("OIDC_ISSUER")
  client_id     = env("OIDC_CLIENT_ID")
  client_secret = env("OIDC_CLIENT_SECRET")
  scopes        = ["openid", "profile", "email"]
  groups_claim  = "groups"
}

policy "staff" {
  allow "staff" { when = in_group("staff") }
}

route "app" {
  from      = "https://app.site.localhost:${env("E2E_PORT")}"
  to        = [env("E2E_UPSTREAM")]
  policy    = policy.staff
  websocket = true
  timeout   = "0s"
}

route "public" {
  from   = "https://localhost:${env("E2E_PORT")}"
  to     = [env("E2E_UPSTREAM")]
  public = true
}

route "resolver" {
  from   = "udp+https://dns.site.localhost:53"
  to     = ["udp://${env("E2E_UDP", "127.0.0.1:9")}"]
  policy = policy.staff
}

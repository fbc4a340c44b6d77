# Nodes that keep nothing themselves: their state is in a NATS cluster that you already run. The same file goes to every
# node, and there may be as many as you like, of any number.

cluster {
  name    = "external-nats"
  secrets = [env("PICKET_SECRET")]

  broker {
    node        = env("PICKET_NODE", hostname())
    url         = [env("NATS_URL_1", "tls://nats-1:4222"), env("NATS_URL_2", "tls://nats-2:4222"), env("NATS_URL_3", "tls://nats-3:4222")]
    credentials = file(env("NATS_CREDENTIALS", "/etc/picket/nats.creds"))
    ca          = file(env("NATS_CA", "/etc/picket/nats-ca.pem"))
    prefix      = "picket" # of bucket names
    replicas    = 3
  }
}

listen "https" {
  address = env("PICKET_LISTEN", ":443")
  tls = {
    certificate = file(env("PICKET_CERTIFICATE", "/etc/picket/tls.pem"))
    key         = file(env("PICKET_KEY", "/etc/picket/tls.key"))
  }
}

admin {
  address = env("PICKET_ADMIN", "127.0.0.1:9901")
}

authenticate {
  url = "https://auth.example.com"
}

identity "corp" {
  kind          = "oidc"
  issuer        = env("OIDC_ISSUER", "https://idp.example.com")
  client_id     = env("OIDC_CLIENT_ID", "picket")
  client_secret = env("OIDC_CLIENT_SECRET")
  scopes        = ["openid", "profile", "email", "offline_access"]
  groups_claim  = "groups"
  logout        = ["rp_initiated"]
}

policy "staff" {
  description = "Anyone of ours"
  allow "staff" { when = in_group("staff") }
}

route "app" {
  from      = "https://app.example.com"
  to        = [env("APP_UPSTREAM", "http://10.0.0.5:8080")]
  policy    = policy.staff
  websocket = true

  identity_headers = {
    X-Forwarded-Email  = user.email
    X-Forwarded-User   = user.name
    X-Forwarded-Groups = join(",", user.groups)
  }
  assertion {
    header = "X-Picket-Jwt-Assertion"
    claims = ["email", "groups", "name"]
  }
}

# Nodes in two regions, on one store. The same file goes to every node of both; each is given the NATS servers of its own
# region by the environment. There may be as many nodes as you like.

cluster {
  name    = "regions"
  secrets = [env("PICKET_SECRET")]

  broker {
    node        = env("PICKET_NODE", hostname())
    url         = [env("NATS_URL_1"), env("NATS_URL_2")] # of this region
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

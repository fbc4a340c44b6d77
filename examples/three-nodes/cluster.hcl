# Three nodes that keep the cluster's state themselves: nothing else is needed. The same file goes to every node; what
# differs between them comes from the environment, and on three hosts most of that is right as it stands.

cluster {
  name    = "three-nodes"
  secrets = [env("PICKET_SECRET")]

  broker {
    node = env("PICKET_NODE", hostname())
    peers = [
      env("PICKET_PEER_1", "node-1:6222"),
      env("PICKET_PEER_2", "node-2:6222"),
      env("PICKET_PEER_3", "node-3:6222"),
    ]
    listen = env("PICKET_BROKER", "0.0.0.0:6222")   # for the other nodes, by mutual TLS from the secret
    client = env("PICKET_CLIENT", "127.0.0.1:4222") # for nodes that keep nothing, of which there are none here
    store  = env("PICKET_STORE", "/var/lib/picket")
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
  url = "https://auth.${env("PICKET_DOMAIN", "example.com")}"
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
  from      = "https://app.${env("PICKET_DOMAIN", "example.com")}"
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

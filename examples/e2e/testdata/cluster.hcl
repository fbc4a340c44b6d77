# The cluster of most tests: three nodes, plain http on names below localhost. Beside the hosts of an application there
# is one for each thing that a test needs: another host, one for all, one whose sessions end at once.

cluster {
  name          = "e2e"
  secrets       = [env("PICKET_SECRET")]
  max_staleness = env("PICKET_MAX_STALENESS", "15s")

  broker {
    node   = env("PICKET_NODE")
    peers  = [env("PICKET_PEER_1"), env("PICKET_PEER_2"), env("PICKET_PEER_3")]
    listen = env("PICKET_BROKER")
    client = env("PICKET_CLIENT")
    store  = env("PICKET_STORE")
  }
}

listen "http" {
  address = env("PICKET_LISTEN")
}

admin {
  address = env("PICKET_ADMIN")
}

authenticate {
  url = "http://auth.localhost:${env("E2E_PORT")}"
}

identity "corp" {
  kind          = "oidc"
  issuer        = env("OIDC_ISSUER")
  client_id     = env("OIDC_CLIENT_ID")
  client_secret = env("OIDC_CLIENT_SECRET")
  scopes        = ["openid", "profile", "email", "offline_access"]
  groups_claim  = "groups"
  logout        = ["rp_initiated"]
}

policy "staff" {
  description = "Whoever works here"
  allow "staff" { when = in_group("staff") }
}

policy "admins" {
  allow "admin" { when = in_group("admins") }
}

route "app" {
  from      = "http://app.localhost:${env("E2E_PORT")}"
  to        = [env("E2E_UPSTREAM")]
  policy    = policy.staff
  websocket = true

  identity_headers = {
    X-Forwarded-Email  = user.email
    X-Forwarded-User   = user.name
    X-Forwarded-Groups = join(",", user.groups)
  }
  assertion {
    header   = "X-Picket-Jwt-Assertion"
    claims   = ["email", "groups", "name"]
    audience = "app.localhost"
  }
}

route "other" {
  from   = "http://other.localhost:${env("E2E_PORT")}"
  to     = [env("E2E_UPSTREAM")]
  policy = policy.staff
  identity_headers = {
    X-Forwarded-Email = user.email
  }
}

route "admin" {
  from   = "http://admin.localhost:${env("E2E_PORT")}"
  to     = [env("E2E_UPSTREAM")]
  policy = policy.admins
}

route "public" {
  from   = "http://public.localhost:${env("E2E_PORT")}"
  to     = [env("E2E_UPSTREAM")]
  public = true
}

route "brief" {
  from   = "http://brief.localhost:${env("E2E_PORT")}"
  to     = [env("E2E_UPSTREAM")]
  policy = policy.staff
  session {
    lifetime = "2s"
  }
}

route "bastion" {
  from   = "tcp+http://bastion.localhost:22"
  to     = ["tcp://${env("E2E_TCP", "127.0.0.1:9")}"]
  policy = policy.staff
}

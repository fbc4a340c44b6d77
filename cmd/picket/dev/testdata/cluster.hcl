# Written by `picket dev` each time it starts: what you change here is lost at the next start.
# The same file goes to every node. What differs between nodes comes from env().

cluster {
  name    = "dev"
  secrets = [env("PICKET_SECRET")]

  broker {
    node   = env("PICKET_NODE")
    peers  = ["n1=127.0.0.1:20011", "n2=127.0.0.1:20012", "n3=127.0.0.1:20013"]
    listen = env("PICKET_BROKER")
    client = env("PICKET_CLIENT")
    store  = env("PICKET_STORE")
  }
}

listen "http" {
  address = env("PICKET_HTTP")
}

admin {
  address = env("PICKET_ADMIN")
}

telemetry {
  log_format = "console"
}

# ── who ──────────────────────────────────────────────────────────────────────────────────────────

authenticate {
  url = "http://auth.localhost:8000"
}

identity "dev" {
  kind          = "oidc"
  issuer        = "http://127.0.0.1:20001"
  client_id     = "picket"
  client_secret = env("PICKET_CLIENT_SECRET")
  scopes        = ["openid", "profile", "email", "offline_access"]
  groups_claim  = "groups"
  logout        = ["rp_initiated"]
}

# ── what ─────────────────────────────────────────────────────────────────────────────────────────

policy "staff-or-admins" {
  description = "Whoever works here"
  allow "staff" { when = in_group("staff") }
  allow "admin" { when = in_group("admins") }
}

policy "admins" {
  description = "Administrators"
  allow "admin" { when = in_group("admins") }
  deny "not an administrator" {
    when    = !in_group("admins")
    message = "This page is for administrators. Alice is one; ask her."
  }
}

# ── where ────────────────────────────────────────────────────────────────────────────────────────

route "app" {
  from      = "http://app.localhost:8000"
  to        = ["http://127.0.0.1:20002"]
  policy    = policy.staff-or-admins
  websocket = true
  timeout   = "30s"

  identity_headers = {
    X-Forwarded-Email  = user.email
    X-Forwarded-User   = user.name
    X-Forwarded-Groups = join(",", user.groups)
  }
  assertion {
    header   = "X-Picket-Jwt-Assertion"
    claims   = ["email", "groups", "name"]
    audience = "app.localhost"
    lifetime = "5m"
  }
}

route "admin" {
  from      = "http://admin.localhost:8000"
  to        = ["http://127.0.0.1:20002"]
  policy    = policy.admins
  websocket = true
  timeout   = "30s"

  identity_headers = {
    X-Forwarded-Email  = user.email
    X-Forwarded-User   = user.name
    X-Forwarded-Groups = join(",", user.groups)
  }
  assertion {
    header   = "X-Picket-Jwt-Assertion"
    claims   = ["email", "groups", "name"]
    audience = "admin.localhost"
    lifetime = "5m"
  }
}

route "public" {
  from      = "http://public.localhost:8000"
  to        = ["http://127.0.0.1:20002"]
  public    = true
  websocket = true
  timeout   = "30s"
}

# A cluster of three nodes that lets people through to what they may see. Copy it, change the names, and check it:
#
#   picket secret                        # makes what PICKET_SECRET holds, once for all nodes
#   picket check cluster.hcl             # every mistake, with line and caret
#   picket run --config cluster.hcl      # on each node
#
# The same file goes to every node: what differs between nodes, and what is secret, comes from the environment.
#
#   PICKET_SECRET            the same on all nodes
#   PICKET_NODE              this node's name; the host name when it is not set
#   PICKET_TLS_CERTIFICATE   file with the certificate for *.example.com, and those that signed it
#   PICKET_TLS_KEY           file with its key
#   OIDC_CLIENT_SECRET       what the identity provider gave for picket

cluster {
  name    = "corp"
  secrets = [env("PICKET_SECRET")] # the first makes, all open: `picket reseal --help` says how to replace it

  # However the network behaves, no node admits on knowledge older than this.
  max_staleness = "15s"

  # State lives in NATS JetStream inside the nodes, on a majority of the peers' disks before a sign-in is acknowledged.
  # The ports are for the nodes alone: both speak mutual TLS, with certificates derived from the secret.
  broker {
    peers  = ["node-1:6222", "node-2:6222", "node-3:6222"] # NAME:PORT, or NAME=ADDRESS:PORT
    listen = "0.0.0.0:6222"
    client = "0.0.0.0:4222"
    store  = "/var/lib/picket"
  }
}

# ── where people come in ─────────────────────────────────────────────────────────────────────────

listen "https" {
  address = ":443"
  tls = { # or tls = "auto": ordered from an ACME authority, see acme in the README
    certificate = file(env("PICKET_TLS_CERTIFICATE"))
    key         = file(env("PICKET_TLS_KEY"))
  }
}

listen "http" {
  address  = ":80"
  redirect = "https"
}

# Behind a balancer that speaks TLS itself, leave tls out and name the balancer's network:
#
# listen "balanced" {
#   address         = ":8080"
#   trusted_proxies = ["10.0.0.0/24"]
# }

admin { # for operators on this machine: /healthz /readyz /metrics, and what `picket status` asks
  address = "127.0.0.1:9901"
}

telemetry {
  log_level  = "info"
  log_format = "json"
  access_log = true
}

# ── who someone is ───────────────────────────────────────────────────────────────────────────────

authenticate { # register https://auth.example.com/.picket/callback with the identity provider
  url = "https://auth.example.com"
}

identity "corp" {
  kind          = "oidc"
  issuer        = "https://idp.example.org"
  client_id     = "picket"
  client_secret = env("OIDC_CLIENT_SECRET")
  groups_claim  = "groups"
}

session {
  lifetime = "14h" # from sign-in
  idle     = "2h"  # without a request
}

# ── who may do what: at least one allow is true, and no deny ─────────────────────────────────────

policy "staff" {
  allow "employee" { when = user.email_domain == "example.com" }
}

policy "production" {
  allow "on call" { when = in_group("sre") }
  allow "admin" { when = in_group("admins") }

  deny "from away" {
    when    = !in_cidr(request.ip, ["10.0.0.0/8", "2001:db8::/32"])
    message = "Production is reached from the office network or the VPN."
  }
}

policy "readers" {
  allow "anyone who reads" { when = request.method == "GET" || request.method == "HEAD" }
  allow "editor" { when = in_group("editors") }
}

# ── what stands behind ───────────────────────────────────────────────────────────────────────────

route "wiki" {
  from   = "https://wiki.example.com"
  to     = ["http://10.0.0.5:8080", "http://10.0.0.6:8080"]
  policy = [policy.staff, policy.readers] # both must admit

  identity_headers = { # beside the signed X-Picket-Jwt-Assertion, which every upstream gets
    X-Forwarded-Email  = user.email
    X-Forwarded-Groups = join(",", user.groups)
  }
}

route "dashboards" {
  from      = "https://dashboards.example.com"
  to        = "http://10.0.0.7:3000"
  policy    = policy.production
  identity  = identity.corp
  websocket = true
  timeout   = "0s" # streams: bytes may take as long as they take, up to idle_timeout

  session { # stricter than the cluster's, never looser
    lifetime = "8h"
    idle     = "30m"
  }
}

route "dashboards-api" {
  from   = "https://dashboards.example.com/api"
  to     = "http://10.0.0.7:3001"
  policy = policy.production

  assertion {
    claims   = ["email", "groups"]
    audience = "dashboards"
  }
}

route "lunch" { # whoever is signed in
  from     = "https://lunch.example.com"
  to       = "http://10.0.0.8:8080"
  any_user = true

  rewrite {
    host = "preserve" # the upstream sees lunch.example.com
  }
}

route "website" { # everyone
  from   = "https://www.example.com"
  to     = "http://10.0.0.9:8080"
  public = true
}

# Three nodes that store and one that does not, each in a network of its own. Room for state is little on purpose: one
# node's disk is small enough to be filled.

cluster {
  name    = "faults"
  secrets = [env("PICKET_SECRET")]

  broker {
    node = env("PICKET_NODE")
    peers = [
      "node-1=${env("FAULTS_NET")}.1:6222",
      "node-2=${env("FAULTS_NET")}.2:6222",
      "node-3=${env("FAULTS_NET")}.3:6222",
    ]
    listen = "${env("FAULTS_ADDRESS")}:6222"
    client = "${env("FAULTS_ADDRESS")}:4222"
    store  = env("FAULTS_STORE")
    limit  = "128MiB"
  }
}

listen "http" {
  address = "${env("FAULTS_ADDRESS")}:8000"
}

admin {
  address = "${env("FAULTS_ADDRESS")}:9901"
}

telemetry {
  decision_log = { keep = "0s" }
}

authenticate {
  url = "http://auth.localhost:8000"
}

identity "corp" {
  kind          = "oidc"
  issuer        = env("OIDC_ISSUER")
  client_id     = env("OIDC_CLIENT_ID")
  client_secret = env("OIDC_CLIENT_SECRET")
  scopes        = ["openid", "profile", "email", "offline_access"]
  groups_claim  = "groups"
  insecure_http = true # the provider is in the next network, on the same machine
}

policy "staff" {
  allow "staff" { when = in_group("staff") }
}

route "app" {
  from   = "http://app.localhost:8000"
  to     = [env("FAULTS_UPSTREAM")]
  policy = policy.staff
  identity_headers = {
    X-Forwarded-Email = user.email
  }
}

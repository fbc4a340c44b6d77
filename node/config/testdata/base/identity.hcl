identity "corp" {
  kind          = "oidc"
  issuer        = "https://idp.example.com"
  client_id     = "picket"
  client_secret = env("OIDC_CLIENT_SECRET")
}

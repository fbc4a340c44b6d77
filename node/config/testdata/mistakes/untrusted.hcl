# A route that asks for certificates that nobody may issue.

listen "https" {
  address = ":443"
  tls     = { certificate = file(env("CERT")), key = file(env("KEY")) }
}

route "wiki" {
  from               = "https://wiki.example.com"
  to                 = "http://10.0.0.5:8080"
  public             = true
  client_certificate = "require" # ERROR: Missing attribute; route "wiki" requires certificates, and nobody is trusted to issue them.
}

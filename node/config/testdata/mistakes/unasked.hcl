# Authorities that nobody is asked for, and a route that nobody could reach.

listen "https" {
  address   = ":443"
  tls       = { certificate = file(env("CERT")), key = file(env("KEY")) }
  client_ca = file(env("CLIENT_CA")) # ERROR: Missing attribute; Nobody is asked for a certificate. Write client_certificate
}

# Listeners, their certificates, and the admin address.

admin {
  address = "0.0.0.0:9901" # ERROR: Admin open to everyone; Whoever reaches this machine could end sessions.
}

listen "https" {
  address = ":443"
  tls = [
    { certificate = file(env("CERT")), key = file(env("OTHER_KEY")) }, # ERROR: Certificate and key do not match
    { certificate = file(env("KEY")), key = file(env("CERT")) },       # ERROR: Not usable PEM; There is no PEM block CERTIFICATE # ERROR: Not usable PEM; There is no PEM block PRIVATE KEY
    { certificate = file(env("CERT")), key = env("BROKEN_KEY") },      # ERROR: Not usable PEM; There is a PEM block PRIVATE KEY that cannot be read
    { certificate = file(env("CERT")), key = env("LOCKED_KEY") },      # ERROR: Not usable PEM; The key is encrypted.
    { certificate = env("BROKEN_CERT"), key = file(env("KEY")) },      # ERROR: Not usable PEM; There is a PEM block CERTIFICATE that is not
    { certificate = file(env("OLD_CERT")), key = file(env("KEY")) },   # WARNING: Certificate has expired; It was good until 2020-01-01 00:00:00.
    { certificate = file(env("CERT")), keys = file(env("KEY")) },      # ERROR: Unknown attribute; There is no attribute "keys" in tls. Did you mean "key"? # ERROR: Missing attribute; tls needs key
    { certificate = file("gone.pem"), key = file("gone.key") },        # ERROR: File not readable # ERROR: File not readable
  ]
}

listen "beside" {
  address = "127.0.0.1:443" # ERROR: Address used twice; listen "https" and listen "beside" cannot both listen on port 443 here.
  tls     = true            # ERROR: Wrong type; Write "auto", or { certificate = file("PATH"), key = file("PATH") }
}

listen "operators" {
  address = "10.0.0.1:9901" # ERROR: Address used twice; admin and listen "operators" cannot both listen on port 9901 here.
}

listen "http" {
  address  = ":80"
  redirect = "htps" # ERROR: Redirect leads nowhere; There is no listener "htps". Did you mean "https"?
}

listen "round" {
  address  = ":81"
  redirect = "about" # ERROR: Redirect leads nowhere; listen "about" redirects too: people would never arrive.
}

listen "about" {
  address  = ":82"
  redirect = "round" # ERROR: Redirect leads nowhere; listen "round" redirects too
}

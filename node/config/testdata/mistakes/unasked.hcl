# A policy that goes by certificates, and no listener that asks for one.

listen "main" {
  address = "127.0.0.1:8080"
}

policy "devices" {
  allow "ours" { when = user.name == "a" && certificate.valid } # WARNING: Certificate that nobody asks for; No listener asks for a client's certificate, so of everyone there is none.
  deny "printers" { when = certificate.subject == "CN=printer" }
}

policy "staff" {
  allow "all" { when = user.name == "certificate.valid" }
}

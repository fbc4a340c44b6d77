# An authority that is never asked.

acme { # WARNING: Certificates that nobody asks for; No listener asks for certificates. Write tls = "auto" in one, or leave acme out.
  email = "ops@example.com"
}

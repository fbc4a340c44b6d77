route "wiki" {
  from   = "https://wiki.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
}

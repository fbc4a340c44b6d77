# What is misspelt is told once, and nothing follows from it.
# WITHOUT: authenticate identity route

route "open" {
  from  = "https://open.example.com"
  to    = "http://10.0.0.5:8080"
  pubic = true # ERROR: Unknown attribute; There is no attribute "pubic" in a route block. Did you mean "public"?
}

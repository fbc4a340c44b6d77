# Who may enter.

route "nobody" { # ERROR: Who may enter?; route "nobody" says nothing of it. Write policy = policy.NAME, any_user = true or public = true.
  from = "https://nobody.example.com"
  to   = "http://10.0.0.5:8080"
}

route "misspelt" {
  from  = "https://misspelt.example.com"
  to    = "http://10.0.0.5:8080"
  pubic = true # ERROR: Unknown attribute; There is no attribute "pubic" in a route block. Did you mean "public"?
}

route "misspelt-too" {
  from  = "https://as-well.example.com"
  to    = "http://10.0.0.5:8080"
  polcy = policy.staff # ERROR: Unknown attribute; There is no attribute "polcy" in a route block. Did you mean "policy"?
}

route "unclear" {
  from   = "https://unclear.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  public = true # ERROR: Who may enter?; route "unclear" says "policy" and "public". It can be one of them alone.
}

route "negative" {
  from   = "https://negative.example.com"
  to     = "http://10.0.0.5:8080"
  policy = policy.staff
  public = false # WARNING: Access that cannot be meant; public = false says nothing of who may enter.
}

route "references" {
  from     = "https://references.example.com"
  to       = "http://10.0.0.5:8080"
  identity = [identity.crop, policy.staff, "corp", identity.corp] # ERROR: Unknown reference; There is no identity "crop". Did you mean "corp"? # ERROR: Not a reference; This refers to "policy", and an identity block is wanted: identity.staff. # ERROR: Not a reference; Write identity.NAME, without quotes.
  policy   = [policy.stuff, policy["staff"], policy.admins]       # ERROR: Unknown reference; There is no policy "stuff". Did you mean "staff"? # ERROR: Unknown reference; There is no policy "admins". There are "staff".
}

route "empty" {
  from     = "https://empty.example.com"
  to       = "http://10.0.0.5:8080"
  policy   = [] # ERROR: Empty value; The list is empty. Write policy = policy.NAME, or leave it out.
}

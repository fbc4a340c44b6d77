# What a session cannot show.

policy "nothing" {
  allow "anyone" { when = authenticated }
  require {} # ERROR: Requirement of nothing; Write what the session has to show: max_age = "1h", acr = ["phr"] or amr = ["mfa"].
}

policy "twice" {
  allow "anyone" { when = authenticated }
  require { max_age = "1h" }
  require { acr = ["phr"] } # ERROR: Two requirements; A session shows what one require block asks, at policies.hcl:10,3-10 already. Put them together.
}

policy "words" {
  allow "anyone" { when = authenticated }
  require {
    max_ag = "1h" # ERROR: Unknown attribute; An argument named "max_ag" is not expected here. Did you mean "max_age"?
    acr    = "phr" # ERROR: Wrong type; acr has to be a list of texts, but this is a text. Put it in brackets: ["x"].
    amr    = [user.name] # ERROR: Not a constant; amr is the same for every request. Leave out what depends on one.
  }
}

policy "lists" {
  allow "anyone" { when = authenticated }
  require {
    max_age = "an hour" # ERROR: Bad duration; A duration is written with its units, of h, m, s and ms: "1h30m". A day is "24h".
    acr     = [] # ERROR: Requirement of nothing; This asks for nothing. Leave acr out, or name what the session has to show.
    amr     = [1] # ERROR: Wrong type; An item of a list has to be a text, but this is a number. Put it in quotes.
  }
}

policy "ages" {
  allow "anyone" { when = authenticated }
  require { max_age = "10ms" } # ERROR: Bad duration; Nobody is back from signing in before 10ms are over. Write at least a second, or rather minutes.
}

policy "no-age" {
  allow "anyone" { when = authenticated }
  require { max_age = "" } # ERROR: Bad duration; A duration is written with its units, of h, m, s and ms: "1h30m". A day is "24h".
}

policy "age-in-seconds" {
  allow "anyone" { when = authenticated }
  require { max_age = 3600 } # ERROR: Bad duration; A duration is written with its units, of h, m, s and ms: "1h30m". A day is "24h".
}

policy "age-of-a-request" {
  allow "anyone" { when = authenticated }
  require { max_age = session.age } # ERROR: Wrong type; max_age has to be a text, but this is a duration.
}

policy "labelled" {
  allow "anyone" { when = authenticated }
  require "fresh" { max_age = "1h" } # ERROR: Extraneous label for require; No labels are expected for require blocks.
}

policy "passkey" {
  allow "anyone" { when = authenticated }
  require { acr = ["phr", "phrh"] }
}

policy "password" {
  include = [policy.passkey] # ERROR: Requirement is never met; password and passkey require different classes (acr), and a session has one. Give them one in common.
  allow "anyone" { when = authenticated }
  require { acr = ["pwd"] }
}

policy "either" {
  include = [policy.passkey, policy.unknown] # ERROR: Unknown policy; There is no policy unknown.
  allow "anyone" { when = authenticated }
  require { acr = ["pwd", "phr"] }
}

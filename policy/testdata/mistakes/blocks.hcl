# Blocks that are not as they should be.

policy "twice" {
  allow "anyone" { when = true }
}

policy "twice" { # ERROR: Two policies of one name; There is a policy twice at policies.hcl:3,1-15 already. Rename one of them, or put the rules together.
  allow "anyone" { when = true }
}

policy "not a name" { # ERROR: Bad name; A policy is named by letters, digits, - and _, with a letter first: policy "staff" {.
  allow "anyone" { when = true }
}

policy "" { # ERROR: Bad name; A policy is named by letters, digits, - and _, with a letter first: policy "staff" {.
  allow "anyone" { when = true }
}

policy "rules" {
  descripton = "x" # ERROR: Unknown attribute; An argument named "descripton" is not expected here. Did you mean "description"?

  allow "anyone" { when = true }
  deny "anyone" { when = !authenticated } # ERROR: Two rules of one name; There is a rule "anyone" at policies.hcl:22,3-17 already. Decisions name the rule that gave them: rename one.
  allow "" { when = authenticated } # ERROR: Bad name; A decision names the rule that gave it. Write allow "on call" {.
  allow { when = authenticated } # ERROR: Missing name for allow; All allow blocks must have 1 labels (name).
  alow "near" { when = authenticated } # ERROR: Unknown block; Blocks of type "alow" are not expected here. Did you mean "allow"?
  allow "nothing" {} # ERROR: Rule without a condition; Write when = and a condition; when = true is for everyone.
  deny "no condition" { message = "x" } # ERROR: Rule without a condition; Write when = and a condition; when = true is for everyone.
  allow "misspelt" { wen = authenticated } # ERROR: Unknown attribute; An argument named "wen" is not expected here. Did you mean "when"?
  allow "message" {
    when    = authenticated
    message = "only deny has one" # ERROR: Unknown attribute; An argument named "message" is not expected here. Known in an allow block is when.
  }
}

policy "texts" {
  description = "for ${user.name}" # ERROR: Not a constant; description is the same for every request. Leave out what depends on one.
  allow "anyone" { when = true }
  deny "message" {
    when    = request.websocket
    message = "not for ${user.name}" # ERROR: Not a constant; message is the same for every request. Leave out what depends on one.
  }
}

policy "description" {
  description = 3 # ERROR: Wrong type; description has to be a text, but this is a number. Put it in quotes.
  allow "anyone" { when = true }
}

policy "modes" {
  mode = "shado" # ERROR: Bad mode; There is no mode "shado". Did you mean shadow? It is "enforce", which is the default, or "shadow": decided and counted, never enforced.
  allow "anyone" { when = true }
}

policy "no-mode" {
  mode = "" # ERROR: Bad mode; There is no mode "". It is "enforce", which is the default, or "shadow": decided and counted, never enforced.
  allow "anyone" { when = true }
}

policy "mode-of-a-request" {
  mode = user.name # ERROR: Not a constant; mode is the same for every request. Leave out what depends on one.
  allow "anyone" { when = true }
}

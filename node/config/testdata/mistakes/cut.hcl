# What the parser makes of a line that it cannot read is not what was meant: nothing else is told of it.

policy "cut" {
  allow "assigned" { when = user.email = "a@example.com" } # ERROR: Invalid single-argument block definition
  allow "elsewhere" { when = user.email } # ERROR: Wrong type; A condition has to be true or false
}

# What HCL has, but policies have not.

policy "language" {
  allow "splat" { when = has(user.groups[*], "x") } # ERROR: Not part of the language; There is no [*] in policies. Write [for x in LIST : x["name"]].
  allow "attribute splat" { when = has(user.claims.orgs.*.name, "x") } # ERROR: Not part of the language; There is no [*] in policies. Write [for x in LIST : x["name"]].
  allow "object" { when = user.name == { a = 1 } } # ERROR: Not part of the language; There are no objects in policies. Compare the parts one by one.
  allow "object of a loop" { when = has({ for g in user.groups : g => g }, "x") } # ERROR: Not part of the language; There are no objects in policies. A list is made with [for x in list : x].
}

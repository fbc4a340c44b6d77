# Includes that lead nowhere, or back.

policy "staff" {
  allow "anyone" { when = true }
}

policy "not a list" { # ERROR: Bad name; A policy is named by letters, digits, - and _, with a letter first: policy "staff" {.
  include = policy.staff
}

policy "no-list" {
  include = policy.staff # ERROR: Bad include; This is a list of policies: include = [policy.staff].
}

policy "shapes" {
  include = ["staff", staff, policy, policy.staff.x, policies.staff, policy[0], policy["staff"]] # ERROR: Bad include; A policy is named as policy.NAME: include = [policy.staff]. # ERROR: Bad include; A policy is named as policy.NAME: include = [policy.staff]. # ERROR: Bad include; A policy is named as policy.NAME: include = [policy.staff]. # ERROR: Bad include; A policy is named as policy.NAME: include = [policy.staff]. # ERROR: Bad include; A policy is named as policy.NAME: include = [policy.staff]. # ERROR: Bad include; A policy is named as policy.NAME: include = [policy.staff].
  allow "anyone" { when = true }
}

policy "unknown" {
  include = [policy.staf, policy.somebody_else] # ERROR: Unknown policy; There is no policy staf. Did you mean staff? # ERROR: Unknown policy; There is no policy somebody_else.
  allow "anyone" { when = true }
}

policy "doubled" {
  include = [policy.staff, policy.staff] # WARNING: Bad include; staff is included already. Leave it out once.
  allow "anyone" { when = true }
}

policy "itself" {
  include = [policy.itself] # ERROR: Policies include each other; itself includes itself. Each would wait for the other: leave one include out.
  allow "anyone" { when = true }
}

policy "a" {
  include = [policy.staff, policy.b]
  allow "anyone" { when = true }
}

policy "b" {
  include = [policy.c]
  allow "anyone" { when = true }
}

policy "c" {
  include = [policy.staff, policy.a] # ERROR: Policies include each other; a includes b includes c includes a. Each would wait for the other: leave one include out.
  allow "anyone" { when = true }
}

policy "candidate" {
  mode    = "shadow"
  include = [policy.staff, policy.other-candidate]
  allow "anyone" { when = true }
}

policy "other-candidate" {
  mode = "shadow"
  allow "anyone" { when = true }
}

policy "enforced" {
  mode    = "enforce"
  include = [policy.candidate] # ERROR: Shadow would be enforced; candidate is for trying out, and enforced is enforced with all that it includes. Write mode = "shadow" in enforced too, or leave it out of candidate.
  allow "anyone" { when = true }
}

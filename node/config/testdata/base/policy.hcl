policy "staff" {
  allow "employee" { when = user.email_domain == "example.com" }
}

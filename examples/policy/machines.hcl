# Machines: workloads by their token, devices by their certificate, service accounts by name.

policy "deploy" {
  description = "The pipeline of the main branch, and the service account that rolls back"

  allow "pipeline" {
    when = (
      workload.issuer == "https://token.actions.githubusercontent.com" &&
      workload.claims["repository"] == "example/shop" &&
      workload.claims["ref"] == "refs/heads/main"
    )
  }
  allow "rollback" { when = service.name == "rollback" && request.method == "POST" && request.path == "/v1/rollback" }
  deny "runner of somebody else" { when = coalesce(workload.claims["runner_environment"], "self-hosted") != "self-hosted" }
}

policy "printers" {
  description = "Printers of ours fetch their jobs"
  allow "printer" {
    when = certificate.valid && has_any(certificate.san_uri, ["spiffe://example.com/printer"]) && glob(request.path, "/jobs/*")
  }
}

test "the main branch deploys" {
  policy   = policy.deploy
  workload = { issuer = "https://token.actions.githubusercontent.com", claims = { repository = "example/shop", ref = "refs/heads/main" } }
  expect   = "allow"
  rule     = "pipeline"
}

test "another branch does not" {
  policy   = policy.deploy
  workload = { issuer = "https://token.actions.githubusercontent.com", claims = { repository = "example/shop", ref = "refs/heads/try" } }
  expect   = "deny"
}

test "nor does anything on a runner of somebody else" {
  policy = policy.deploy
  workload = {
    issuer = "https://token.actions.githubusercontent.com"
    claims = { repository = "example/shop", ref = "refs/heads/main", runner_environment = "github-hosted" }
  }
  expect = "deny"
  rule   = "runner of somebody else"
}

test "rollback rolls back" {
  policy  = policy.deploy
  service = { name = "rollback" }
  request = { method = "POST", path = "/v1/rollback" }
  expect  = "allow"
  rule    = "rollback"
}

test "a printer fetches a job" {
  policy      = policy.printers
  certificate = { valid = true, san_uri = ["spiffe://example.com/printer"] }
  request     = { path = "/jobs/7" }
  expect      = "allow"
}

test "with a certificate that was revoked it does not" {
  policy      = policy.printers
  certificate = { valid = false, san_uri = ["spiffe://example.com/printer"] }
  request     = { path = "/jobs/7" }
  expect      = "deny"
}

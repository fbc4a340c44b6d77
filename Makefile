# The two commands of a newcomer are `make run` and `make test`. Both need Go and nothing else.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
RACE    ?= -race

# The tests that are not built with the race detector (go:build !race).
RACELESS = AllocatesNothing|AllocatesItsResultOnly|CostEachAsMuchAsFew|CostsNoAllocation|TheModelCatches|GaveUpIsOpenedAgain|CouldNotBeWritten

.PHONY: run test e2e faults bench check build clean

run: build ## a cluster of three nodes, an identity provider and an application, to try out
	./picket dev

build: ## the one binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o picket ./cmd/picket

test: ## every test that needs only Go
	$(GO) test $(RACE) -shuffle=on -timeout 20m ./...
	$(GO) test -shuffle=on -timeout 20m -run '$(RACELESS)' ./broker ./policy ./node/authz ./node/proxy ./cmd/picket

e2e: ## a real browser and a third-party identity provider; installs both where they are missing
	./examples/e2e/install
	$(GO) test -tags e2e -shuffle=on -count=1 -timeout 40m ./examples/...

faults: ## what was promised, while things break; SHORT=1 is the short form
	./examples/faults/install
	$(GO) test -tags faults -run '^TestThePromises' -count=1 -timeout 40m -v $(if $(SHORT),-short) ./examples/faults

bench: ## the numbers of the README, each as a ratio in one run; SHORT=1, PART=… or PEERS=… takes a quick look at the door
	./examples/bench/install
	$(GO) test -tags bench -count=1 -timeout 90m -v $(if $(SHORT),-short) $(if $(SHORT)$(PART)$(PEERS)$(PROFILE),-run '^TestDoor$$') ./examples/bench

check: ## formatting, vet, staticcheck, who imports whom, and the documentation
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt -w $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e,bench,faults ./examples/...
	$(GO) tool staticcheck -tags e2e,bench,faults ./...
	$(GO) test -count=1 -run '^TestHouse' ./node

clean:
	rm -f picket

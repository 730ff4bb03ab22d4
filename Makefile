# One set of flags for build, vet, test and lint, so that they share a cache.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false

TOOL := go tool -modfile=tools/tools.mod
WITH_SERVICES := go run ./tools/with-services

.PHONY: help build decoder demo test check race whole clients examples contract fanout crash bench-create bench-start bench-api bench-purge bench-pictures bench-video processes clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: decoder ## Build bin/framemill and, beside it, bin/framemill-decoder.
	go build -o bin/ .

# The one program with C in it. It is linked statically, so that it runs wherever
# Framemill does.
decoder:
	CGO_ENABLED=1 go build -ldflags '-extldflags "-static"' -o bin/ ./stages/media/decoder/framemill-decoder

demo: ## Ingest sample pictures and a video into a server of its own; Ctrl-C ends it (DEMO_EXIT=1: end when the jobs are ready).
	@tools/demo

test: ## Install what is missing, then run every test and every check.
	@tools/test

check: ## Check format, vet and lint.
	@files=$$(gofmt -l .) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi
	go vet ./...
	$(TOOL) staticcheck ./...

# The time of these packages' tests goes into the embedded database, which is C
# made Go, into ffmpeg, and into the samples of pictures: the detector makes them
# slow and has little to see there. The sandbox is tested with less memory than
# the detector itself takes. `make race HEAVY=none` races them too.
HEAVY := framemill/(producer/api|pipeline/store|stages/film|stages/media/.*)

# Tests of the whole program run the binary as it ships, so it is not raced. The
# detector would sleep for a second at the end of each package, in case a race is
# about to be seen; a tenth is enough. It also checks each conversion of a pointer,
# which in the embedded database costs a third of the time and finds nothing of
# ours. Vet has its own place, in check.
race: ## Run the tests of our packages with the race detector.
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=100 go test -race -gcflags='modernc.org/...=-d=checkptr=0' -vet=off -shuffle=on $$(go list ./... | grep -vE '^framemill(/tests|/tools|$$)|^$(HEAVY)$$')

# The longest come first, so that no core is left alone with one of them.
whole: ## Run the tests that are not raced: of the whole program, the Python clients included, and of heavy packages.
	go test -vet=off -shuffle=on ./tests/clients ./tests/badinput . ./tests/... ./tools/... $$(go list ./... | grep -E '^$(HEAVY)$$')

clients: ## Run the unmodified cvat-sdk, cvat-cli and tus-js-client against both ways to run.
	@tools/install media python node services
	FRAMEMILL_PROVE=1 go test -count=1 -v -timeout 30m ./tests/clients/ ./tests/uploads/

examples: ## Run every example with both ends of the client range, and count them.
	@tools/install media python
	@FRAMEMILL_PROVE=1 go test -count=1 -v ./tests/examples/

contract: ## Try every operation of the contract, for success and for refusal, and count them.
	@tools/install services
	@go test -count=1 -v -run TestContract ./tests/contract/

# The proofs hold what they measure against limits, so they want a machine that
# does nothing else. PROOF is what they need beyond the tests of the same name.
PROOF := FRAMEMILL_PROVE=1 go test -count=1 -v -timeout 60m

fanout: ## Show one ingest shared by two consumers, and what a kill, a flush and a stall cost it.
	@tools/install media services
	$(PROOF) ./tests/fanout/

crash: ## Kill servers, consumers and Redis during uploads and ingests, and account for every frame.
	@tools/install services
	$(PROOF) ./tests/crash/

bench-create: ## Measure how creation grows with the number of files, and the memory it takes.
	@tools/install services
	$(PROOF) -run '^$$' -bench Create -benchtime 1x ./tests/bench/

bench-start: ## Measure how soon work begins, and what an idle server costs.
	@tools/install services
	$(PROOF) -run '^$$' -bench Start -benchtime 1x ./tests/bench/

bench-api: ## Measure how soon a server with 100,000 tasks and 1,000,000 jobs answers.
	@tools/install services
	$(PROOF) -run '^$$' -bench API -benchtime 1x ./tests/bench/

bench-purge: ## Measure how soon a task of 1,000,000 frames is deleted, and that nothing of it is left.
	@tools/install services
	$(PROOF) -run '^$$' -bench Purge -benchtime 1x ./tests/bench/

bench-pictures: ## Measure processor time, size, likeness and memory of pictures, against Pillow.
	@tools/install media python photos
	$(PROOF) -run '^$$' -bench Pictures -benchtime 1x ./tests/bench/

bench-video: ## Measure index, first chunk, processor time and memory of videos, against PyAV.
	@tools/install media python services
	$(PROOF) -run '^$$' -bench Video -benchtime 1x ./tests/bench/

processes: build ## Run one producer and one consumer on a Redis and a Postgres made for this run.
	@tools/install services
	$(WITH_SERVICES) sh -c 'bin/framemill migrate && exec $(TOOL) goreman -rpc-server=false start producer consumer'

clean: ## Remove what the other targets made; ./data stays, but for the demo in it.
	rm -rf bin data/demo .venv .venv-newest tests/uploads/node_modules

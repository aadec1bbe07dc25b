"""`python -m nemoguardrails_trust` is `nemo-trust`."""

from nemoguardrails_trust.cli import main

if __name__ == "__main__":
    main()

"""`python -m portal_api.cli`."""

from portal_api.cli import main

raise SystemExit(main())

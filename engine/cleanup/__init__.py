"""
Clean-up: what builds up, what would go and what would come free, and removing exactly that.

A preview names its items; running it takes their IDs back and touches nothing else, looks at each
again before it goes, and reports what it left alone and why.
"""

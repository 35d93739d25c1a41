"""Turn collected household forms into coverage verdicts and gap lists.

A form makes a journey: it is defined, received, checked, located, estimated, judged, published.
`collect.journey` tells the whole trip on one screen.
"""

__version__ = "0.1.0"

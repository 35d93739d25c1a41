"""Faults on purpose: killed writers, full disks, cut power, damaged files; and whether anything received was lost."""

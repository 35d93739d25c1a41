"""What is decided about submissions after they came: which stands, what is put right, what may be the same twice."""

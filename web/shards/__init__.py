"""One service over the databases of counties: each request goes to the one it is about."""

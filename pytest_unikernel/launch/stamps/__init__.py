"""Events of instances that a program or a log reports while a load runs."""

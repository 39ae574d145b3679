"""Tests with a target that is here, and one that is missing, as sources."""

STEPS = """
STEPS = dict(time_steps=[0.2, 0.1, 0.05], warmup=0, window=1)


def note(text):
    with open("noted", "a") as file:
        file.write(text + "\\n")


def cannot():
    note("probed")
    return Unavailable("no such thing", "make one")


def gone(name="gone"):
    return Target(name, ["/x"], probe=lambda: cannot())


"""
HERE = """
@pytest.mark.load_sweep(**STEPS)
def test_here(load_step):
    note("body")
    assert load_step(FakeTarget("here")).verdict == "ok"


"""
GONE = """
@pytest.mark.load_sweep(**STEPS)
def test_gone(load_step):
    load_step(gone())


"""
TWO = STEPS + HERE + GONE

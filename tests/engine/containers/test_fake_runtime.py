from tests.contracts.runtime import RuntimeContract


class TestFakeRuntime(RuntimeContract):
    pass

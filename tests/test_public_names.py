import nemoguardrails_trust


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    names = nemoguardrails_trust.__all__
    assert names == sorted(names)
    for name in names:
        assert getattr(nemoguardrails_trust, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(nemoguardrails_trust, "Trust")
    assert set(nemoguardrails_trust.__all__) <= set(dir(nemoguardrails_trust))


def test_the_package_is_typed() -> None:
    from importlib.resources import files

    assert files("nemoguardrails_trust").joinpath("py.typed").is_file()

import sys
sys.path.insert(0, "/tmp")
import pytest
from sqlalchemy import text
from tests.browser.test_report import *  # noqa
from tests.browser import test_report as T
@pytest.fixture(scope="session", autouse=True)
def fill(served):
    from lead_fill import FILL
    with engine(cluster.addresses(Settings(var=served.var)).app).begin() as c:
        if not c.scalar(text("select count(*) from catalogue_edition")):
            for q in FILL.split(';'):
                if q.strip(): c.execute(text(q))

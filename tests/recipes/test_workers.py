"""recipes.workers: processes of one's own are ended at once, those of others let be."""

import time

from distributed import Client, LocalCluster

from genviz.io.cluster import active_client
from genviz.recipes.workers import end_workers, workers_of


def test_workers_in_the_midst_of_a_job_are_not_waited_for():
    with workers_of(2):
        client = active_client()
        job = client.submit(time.sleep, 600)
        while not any(client.processing().values()):
            time.sleep(0.05)
        begun = time.monotonic()
        end_workers()
        took = time.monotonic() - begun
        assert job.status != "finished"
    assert took < 4.0  # by itself Dask waits for four seconds before it ends a process, and then for the rest
    assert active_client() is None


def test_a_cluster_that_was_started_elsewhere_is_let_be():
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        with workers_of(2):
            assert active_client() is client
            end_workers()
        assert client.submit(abs, -1).result() == 1

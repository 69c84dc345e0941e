namespace PortForward.EndToEnd;

/// <summary>A test on a real cluster. It runs only where KUBECONFIG names one and PF_E2E_IMAGE an image to run there, and says so otherwise.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EndToEndFactAttribute : FactAttribute
{
    /// <summary>Marks a test.</summary>
    /// <param name="variable">Another environment variable that the test needs, if any.</param>
    public EndToEndFactAttribute(string? variable = null)
    {
        if (variable is not null && string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable)))
        {
            Skip = $"Needs {variable} (see tests/PortForward.EndToEnd/README.md).";
        }

        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("KUBECONFIG")) || string.IsNullOrEmpty(Environment.GetEnvironmentVariable("PF_E2E_IMAGE")))
        {
            Skip = "Needs a real cluster: set KUBECONFIG and PF_E2E_IMAGE (see tests/PortForward.EndToEnd/README.md).";
        }
    }
}
